"""Mnemo without Discord, a key or the internet: a little Discord and a little model on loopback, a page and a terminal.

It imports nothing of the bot, which reaches it over real sockets, as it would reach Discord.
"""
