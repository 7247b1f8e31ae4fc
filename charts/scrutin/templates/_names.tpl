{{/* Beginning of the objects' names. */}}
{{- define "scrutin.fullname" -}}
{{- .Values.fullnameOverride | default .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* The Election's name: the virtual host and the database are named after it, so it is a little stricter than Kubernetes. */}}
{{- define "scrutin.election" -}}
{{- $name := .Values.election.name | default .Release.Name -}}
{{- if not (regexMatch "^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$" $name) -}}
{{- fail (printf "election.name %q must be 1 to 40 lower-case letters, digits and \"-\"; set it if the release's name can't serve" $name) -}}
{{- end -}}
{{- $name -}}
{{- end -}}

{{- define "scrutin.virtualHost" -}}scrutin-{{ include "scrutin.election" . }}{{- end -}}
{{- define "scrutin.database" -}}scrutin_{{ include "scrutin.election" . | replace "-" "_" }}{{- end -}}

{{/* Labels by which the pods of a part are selected; takes (dict "root" $ "component" "ingestion"). */}}
{{- define "scrutin.selectorLabels" -}}
app.kubernetes.io/name: scrutin
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* Labels of a part's pods: nothing that another version of the chart would write differently, or the servers went, too. */}}
{{- define "scrutin.podLabels" -}}
{{ include "scrutin.selectorLabels" . }}
app.kubernetes.io/part-of: scrutin
scrutin.dev/election: {{ include "scrutin.election" .root }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Labels of every object of a part; takes (dict "root" $ "component" "ingestion"). */}}
{{- define "scrutin.labels" -}}
{{ include "scrutin.selectorLabels" . }}
app.kubernetes.io/part-of: scrutin
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
scrutin.dev/election: {{ include "scrutin.election" .root }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* A stage's image; takes (dict "root" $ "image" its name). One with a tag or a digest is taken as it is. */}}
{{- define "scrutin.image" -}}
{{- if regexMatch "[:@]" (base .image) -}}
{{- .image -}}
{{- else -}}
{{- $tag := .root.Values.image.tag | default .root.Chart.AppVersion -}}
{{- $registry := .root.Values.image.registry | trimSuffix "/" -}}
{{- if $registry }}{{ $registry }}/{{ end }}{{ .image }}:{{ $tag }}
{{- end -}}
{{- end -}}

{{/* A setting's value as text: whole numbers stay whole, also those that Helm reads as floating point. */}}
{{- define "scrutin.text" -}}
{{- if kindIs "float64" . -}}{{ int64 . }}{{- else -}}{{ . }}{{- end -}}
{{- end -}}

{{- define "scrutin.imagePullSecrets" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Security context of a pod; takes (dict "user" 1000 "group" 1000). A null leaves the choice to the cluster. */}}
{{- define "scrutin.podSecurity" -}}
runAsNonRoot: true
{{- if not (kindIs "invalid" .user) }}
runAsUser: {{ .user }}
{{- end }}
{{- if not (kindIs "invalid" .group) }}
runAsGroup: {{ .group }}
fsGroup: {{ .group }}
# Ownership is mended once: PostgreSQL and RabbitMQ refuse files that their group may write.
fsGroupChangePolicy: OnRootMismatch
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "scrutin.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: {{ not .writable }}
capabilities:
  drop: [ALL]
{{- end -}}
