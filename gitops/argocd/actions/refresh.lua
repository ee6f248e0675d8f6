-- Asks for a run now.
local os = require("os")
obj.metadata.annotations = obj.metadata.annotations or {}
obj.metadata.annotations["scim-operator.dev/requested-at"] = os.date("!%Y-%m-%dT%XZ")
return obj
