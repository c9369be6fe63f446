"""Verification: many simulated users against a running site, and whether each saw their writes.

- `history` and `checker`: what was done, and which reads of it were wrong. Pure
- `clients`, `users` and `crowd`: who does it, by real HTTP. They need the extra `verify`
- `visitors`: visitors of any kind who go on at once. A crowd is made of it, and yours may be
- `urls`, `views`, `models`, `passes`: the part that the site includes
- `report`: the outcome in words, for `manage.py pinning_verify`, which is in `management`
"""
