"""What the searches for lost pins need: users in a model, bugs to be found, a server that lasts."""
