{{/*
A server of the election's own: its Service and its StatefulSet of one pod with a volume. Takes a dict of "root", "name",
"values", "ports" (name → number), "container" (YAML of what is this server's own), "volumes" (YAML), "dataPath"; "metricsPath", if its port "prometheus" serves metrics.
*/}}
{{- define "scrutin.server" -}}
{{- $part := dict "root" .root "component" .name -}}
{{- $name := printf "%s-%s" (include "scrutin.fullname" .root) .name -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ $name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "scrutin.labels" $part | nindent 4 }}
spec:
  selector: {{- include "scrutin.selectorLabels" $part | nindent 4 }}
  ports:
    {{- range $port, $number := .ports }}
    - name: {{ $port }}
      port: {{ $number }}
      targetPort: {{ $port }}
    {{- end }}
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ $name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "scrutin.labels" $part | nindent 4 }}
spec:
  replicas: 1
  serviceName: {{ $name }}
  selector:
    matchLabels: {{- include "scrutin.selectorLabels" $part | nindent 6 }}
  template:
    metadata:
      labels: {{- include "scrutin.podLabels" $part | nindent 8 }}
      annotations:
        checksum/config: {{ printf "%s%s" .config (include "scrutin.password" (dict "root" .root "server" .name)) | sha256sum }}
        {{- if and .metricsPath (eq .root.Values.monitoring.kind "annotations") }}
        prometheus.io/scrape: "true"
        prometheus.io/port: {{ .ports.prometheus | quote }}
        prometheus.io/path: {{ .metricsPath }}
        {{- end }}
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      {{- with include "scrutin.imagePullSecrets" .root }}
      {{- . | nindent 6 }}
      {{- end }}
      {{- with .root.Values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      terminationGracePeriodSeconds: 60
      securityContext: {{- include "scrutin.podSecurity" (dict "user" .values.runAsUser "group" .values.runAsUser) | nindent 8 }}
      containers:
        - name: {{ .name }}
          image: {{ .values.image }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          ports:
            {{- range $port, $number := .ports }}
            - name: {{ $port }}
              containerPort: {{ $number }}
            {{- end }}
          {{- .container | nindent 10 }}
          resources: {{- toYaml .values.resources | nindent 12 }}
          securityContext: {{- include "scrutin.containerSecurity" (dict) | nindent 12 }}
          volumeMounts:
            - name: data
              mountPath: {{ .dataPath }}
            {{- .mounts | nindent 12 }}
      volumes:
        {{- .volumes | nindent 8 }}
        {{- if not .values.persistence.enabled }}
        - name: data
          emptyDir: {}
        {{- end }}
      {{- with .root.Values.nodeSelector }}
      nodeSelector: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .root.Values.tolerations }}
      tolerations: {{- toYaml . | nindent 8 }}
      {{- end }}
  {{- if .values.persistence.enabled }}
  volumeClaimTemplates:
    - apiVersion: v1
      kind: PersistentVolumeClaim
      metadata:
        name: data
      spec:
        accessModes: [ReadWriteOnce]
        {{- with .values.persistence.storageClass }}
        storageClassName: {{ . }}
        {{- end }}
        resources:
          requests:
            storage: {{ .values.persistence.size }}
  {{- end }}
{{- end -}}

{{/* The Secret with a server's configuration, a password among it; takes (dict "root" $ "name" … "files" YAML). */}}
{{- define "scrutin.serverConfig" -}}
apiVersion: v1
kind: Secret
metadata:
  name: {{ include "scrutin.fullname" .root }}-{{ .name }}-config
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "scrutin.labels" (dict "root" .root "component" .name) | nindent 4 }}
type: Opaque
stringData: {{- .files | nindent 2 }}
{{- end -}}
