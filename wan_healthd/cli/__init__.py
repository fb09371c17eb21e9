"""`healthctl`: commands, their arguments, and how answers look on a terminal.

One module a command, imported only when that command is asked for; `commands` lists them. Never here: rules about models, or
anything of the server's: whatever can be known is asked of the API. Imported by nobody.
"""
