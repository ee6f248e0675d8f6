{{/* Values that contradict each other: each is told with the way out, and nothing is rendered. */}}
{{- define "scim-operator.check" -}}
{{- $faults := list -}}
{{- with .Values.operator -}}
{{- if and .hooks.enabled (eq (int .hooks.port) 8080) -}}
{{- $faults = append $faults "operator.hooks.port: 8080 is where metrics are served; take another" -}}
{{- end -}}
{{- if and .hooks.ingress.enabled (not .hooks.enabled) -}}
{{- $faults = append $faults "operator.hooks.ingress.enabled: nothing receives hooks behind it; set operator.hooks.enabled: true" -}}
{{- end -}}
{{- if gt (mulf .lease.renewSeconds 10) (mulf .lease.durationSeconds 8) -}}
{{- $faults = append $faults "operator.lease.renewSeconds: is more than 0.8 of operator.lease.durationSeconds, so that two processes could write at the same time; lower it, or raise the duration" -}}
{{- end -}}
{{- if gt (mulf .lease.retrySeconds 2) (mulf .lease.renewSeconds 1) -}}
{{- $faults = append $faults "operator.lease.retrySeconds: is more than half of operator.lease.renewSeconds, so that one failed renewal would end the leader; lower it" -}}
{{- end -}}
{{- range .extraEnv -}}
{{- if hasPrefix "SCIM_OPERATOR_" .name -}}
{{- $faults = append $faults (printf "operator.extraEnv: %s is a setting; set its value, or operator.settings" .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with .Values.provider -}}
{{- if and (eq .database.type "sqlite") .database.existingSecret -}}
{{- $faults = append $faults "provider.database.existingSecret: sqlite takes no URL; set provider.database.type: postgresql" -}}
{{- end -}}
{{- if and (eq .database.type "postgresql") .persistence.existingClaim -}}
{{- $faults = append $faults "provider.persistence.existingClaim: a volume is for sqlite; provider.database.type is postgresql" -}}
{{- end -}}
{{- if and .ingress.enabled (not .enabled) -}}
{{- $faults = append $faults "provider.ingress.enabled: there is nothing behind it; set provider.enabled: true" -}}
{{- end -}}
{{- if and .ingress.enabled .publicUrl (ne (regexReplaceAll "^https?://([^:]+).*$" .publicUrl "${1}") .ingress.host) -}}
{{- $faults = append $faults (printf "provider.publicUrl: %s is not the Ingress's host %s" .publicUrl .ingress.host) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.networkPolicy.hooksFrom (not .Values.operator.hooks.enabled) -}}
{{- $faults = append $faults "networkPolicy.hooksFrom: nothing receives hooks; set operator.hooks.enabled: true" -}}
{{- end -}}
{{- if and .Values.metrics.serviceMonitor.enabled .Values.metrics.podMonitor.enabled -}}
{{- $faults = append $faults "metrics.podMonitor.enabled: with metrics.serviceMonitor.enabled every series would be scraped twice; take one" -}}
{{- end -}}
{{- if and .Values.secrets.names (not .Values.rbac.create) -}}
{{- $faults = append $faults "secrets.names: narrows the Role that rbac.create makes, and rbac.create is false" -}}
{{- end -}}
{{- if and .Values.secrets.issued (not .Values.rbac.create) -}}
{{- $faults = append $faults "secrets.issued: widens the Role that rbac.create makes, and rbac.create is false" -}}
{{- end -}}
{{- if and .Values.admissionPolicy.guardLoosening (not .Values.admissionPolicy.enabled) -}}
{{- $faults = append $faults "admissionPolicy.guardLoosening: is no guard while anybody may approve; set admissionPolicy.enabled: true" -}}
{{- end -}}
{{- range $component := list "operator" "provider" -}}
{{- $fault := include "scim-operator.drainFault" (dict "root" $ "component" $component) -}}
{{- with $fault -}}{{- $faults = append $faults . -}}{{- end -}}
{{- end -}}
{{- with $faults -}}
{{- fail (printf "\n\nValues contradict each other:\n- %s\n" (join "\n- " .)) -}}
{{- end -}}
{{- end -}}

{{/* Whether a PodDisruptionBudget of a component is wanted: "true" or "". */}}
{{- define "scim-operator.hasBudget" -}}
{{- $wanted := toString .root.Values.podDisruptionBudget.enabled -}}
{{- $replicas := int (index .root.Values .component).replicas -}}
{{- $exists := or (eq .component "operator") .root.Values.provider.enabled -}}
{{- if and $exists (or (eq $wanted "true") (and (eq $wanted "auto") (gt $replicas 1))) -}}true{{- end -}}
{{- end -}}

{{/* What is wrong with a budget that lets no pod go: a node with such a pod can never be drained. */}}
{{- define "scim-operator.drainFault" -}}
{{- $least := .root.Values.podDisruptionBudget.minAvailable -}}
{{- $replicas := int (index .root.Values .component).replicas -}}
{{- $isAll := or (eq (toString $least) "100%") (and (not (kindIs "string" $least)) (ge (int $least) $replicas)) -}}
{{- if and (eq (include "scim-operator.hasBudget" .) "true") $isAll (gt $replicas 0) -}}
podDisruptionBudget.minAvailable: {{ $least }} of {{ $replicas }} {{ .component }} replicas may never leave, so no node could be drained; raise {{ .component }}.replicas or lower it
{{- end -}}
{{- end -}}
