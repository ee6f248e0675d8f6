-- Health of the kinds of scim-operator.dev for Argo CD (resource.customizations.health).
-- kstatus rules first: a generation that was not observed yet is still progressing.
if obj.spec ~= nil and obj.spec.suspend == true then
  return { status = "Suspended", message = "spec.suspend is true: nothing is read or written" }
end
local status = obj.status or {}
if status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "the newest generation has not been observed yet" }
end
local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end
local function is(kind, value)
  return conditions[kind] ~= nil and conditions[kind].status == value
end
if is("Stalled", "True") then
  return { status = "Degraded", message = conditions.Stalled.message }
end
if is("Reconciling", "True") then
  local waits = conditions.Reconciling.reason == "WaitingForPerson"
  return { status = waits and "Suspended" or "Progressing", message = conditions.Reconciling.message }
end
if is("Ready", "True") then
  if is("InSync", "False") and conditions.InSync.reason == "AwaitingApproval" then
    return { status = "Suspended", message = conditions.InSync.message }
  end
  return { status = "Healthy", message = conditions.Ready.message }
end
if conditions.Ready ~= nil and conditions.Ready.reason == "Suspended" then
  return { status = "Suspended", message = conditions.Ready.message }
end
if is("Ready", "False") then
  return { status = "Degraded", message = conditions.Ready.message }
end
return { status = "Progressing", message = "waiting for the first run" }
