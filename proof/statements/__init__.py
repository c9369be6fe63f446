"""Whether statements do more than is told from their text: ``python -m proof.statements``.

- `grammar`: statements that are made up and mangled
- `servers`: sessions on real servers, and what of their state may change
- `trial`: runs statements and compares
"""
