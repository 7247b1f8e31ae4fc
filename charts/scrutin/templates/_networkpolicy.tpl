{{/* Pods of a part of this election; takes (dict "root" $ "component" "redis"). */}}
{{- define "scrutin.podsOf" -}}
podSelector:
  matchLabels: {{- include "scrutin.selectorLabels" . | nindent 4 }}
{{- end -}}

{{/* Where names are resolved, as an egress rule. */}}
{{- define "scrutin.toDns" -}}
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
  {{- with .Values.networkPolicy.dns }}
  to: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* A server, the election's own or external, as an egress rule; takes (dict "root" $ "server" "redis"). */}}
{{- define "scrutin.toServer" -}}
{{- $own := dict "redis" (include "scrutin.ownRedis" .root) "rabbitmq" (include "scrutin.ownRabbitmq" .root) "postgresql" (include "scrutin.ownPostgresql" .root) -}}
{{- $port := dict "redis" 6379 "rabbitmq" 5672 "postgresql" 5432 -}}
{{- $external := .root.Values.networkPolicy.external -}}
{{- if get $own .server -}}
- to:
    - {{ include "scrutin.podsOf" (dict "root" .root "component" .server) | indent 6 | trim }}
  ports:
    - port: {{ get $port .server }}
{{- else -}}
- ports:
    {{- range get $external (printf "%sPorts" .server) }}
    - port: {{ . }}
    {{- end }}
  {{- with get $external .server }}
  to: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
{{- end -}}

{{/* The collector of traces that a stage's settings name, as an egress rule; takes (dict "root" $ "name" "ingestion"). */}}
{{- define "scrutin.toCollector" -}}
{{- $endpoint := dig "OTEL_EXPORTER_OTLP_ENDPOINT" "" (include "scrutin.settings" . | fromYaml) -}}
{{- if and $endpoint (ne .name "results") -}}
{{- $address := urlParse $endpoint -}}
{{- $explicit := regexFind "[0-9]+$" (regexFind ":[0-9]+$" $address.host) -}}
- ports: [{port: {{ $explicit | default (ternary 443 80 (eq $address.scheme "https")) }}}]
  {{- with .root.Values.networkPolicy.external.collector }}
  to: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
{{- end -}}

{{/* The operator's pods, whatever its release's name. */}}
{{- define "scrutin.theOperator" -}}
- namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: {{ .Values.operator.namespace }}
  podSelector:
    matchLabels:
      app.kubernetes.io/name: scrutin-operator
{{- end -}}

{{- define "scrutin.inNamespace" -}}
- namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: {{ . }}
{{- end -}}

{{/* The pods that load this election's electorate; the operator labels them. */}}
{{- define "scrutin.loaderPods" -}}
podSelector:
  matchLabels:
    app.kubernetes.io/component: load-electorate
    scrutin.dev/election: {{ include "scrutin.election" . }}
{{- end -}}

{{- define "scrutin.policyHead" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "scrutin.fullname" .root }}-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "scrutin.labels" . | nindent 4 }}
spec:
{{- end -}}
