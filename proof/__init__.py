"""The proof: crowds of simulated users on real servers, while everything fails that can fail.

- `faults` and `promotion`: what happens to the servers
- `stage`: the servers, and two web processes over them; `settings` and `urls` are these sites'
- `acts`: a fault on a stage, with a crowd, and what the crowd saw
- `kept` and `figures`: what stays of each act, and what all acts amount to
- `guarantees` and `agreement`: a second checker, and whether it says the same as the first
- `stores`: the same for the stores of pins alone, command by command
"""
