-- Which actions the Argo CD page offers for an object.
local suspended = obj.spec ~= nil and obj.spec.suspend == true
local plan = obj.status ~= nil and obj.status.plan or {}
local waiting = plan.digest ~= nil and (plan.state == "AwaitingApproval" or plan.state == "Held")
local integration = obj.kind == "ScimIntegration"
return {
  refresh = { ["disabled"] = suspended },
  suspend = { ["disabled"] = not integration or suspended },
  resume = { ["disabled"] = not integration or not suspended },
  approve = { ["disabled"] = not integration or suspended or not waiting },
}
