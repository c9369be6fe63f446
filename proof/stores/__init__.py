"""Whether stores lose pins when many save and load at once: ``python -m proof.stores``.

- `interleaving`: hands that take turns on a real Redis, one command at a time
- `races` and `scenarios`: what hands do, and what each must then be told
"""
