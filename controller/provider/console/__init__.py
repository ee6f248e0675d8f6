"""The console: the admin center's pages, for people with a browser.

From the ground up: sessions (who is signed in), context (what every page is given, and how one is made),
a module for each page (what it shows and does, by the admin API's own functions), routes (which path is
whose), app (a request into an answer). templates/ and assets/ are read as they are: there is no build step.
"""
