-- Which actions the Argo CD page offers for an object.
local suspended = obj.spec ~= nil and obj.spec.suspend == true
local waiting = obj.status ~= nil and obj.status.plan ~= nil and obj.status.plan.digest ~= nil
local integration = obj.kind == "ScimIntegration"
return {
  refresh = { ["disabled"] = suspended },
  suspend = { ["disabled"] = not integration or suspended },
  resume = { ["disabled"] = not integration or not suspended },
  approve = { ["disabled"] = not integration or suspended or not waiting },
}
