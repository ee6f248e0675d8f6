"""The console: the admin center's pages, for people with a browser.

From the ground up: sessions (who is signed in), visits (what every screen is given, and how a page is made),
a module for each screen (what it shows and does, by the admin API's own functions), screens (which path is
whose), pages (a request into an answer). templates/ and assets/ are read as they are: there is no build step.
"""
