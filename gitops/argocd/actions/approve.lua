-- Approves the plan that waits now. Argo CD's own account is who asks: give it the verb `approve` only where
-- everybody who may run this action may approve, and let the policy on approved-by name that account.
obj.metadata.annotations = obj.metadata.annotations or {}
obj.metadata.annotations["scim-operator.dev/approve"] = obj.status.plan.digest
obj.metadata.annotations["scim-operator.dev/approved-by"] =
  "system:serviceaccount:argocd:argocd-application-controller"
return obj
