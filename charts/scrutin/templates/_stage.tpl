{{/*
What a stage is, beside its values: its port, the entries of the Secrets that it may read, the servers that it talks to,
and whether people reach it.
*/}}
{{- define "scrutin.stages" -}}
ingestion:
  port: 3001
  connections: [RABBITMQ_URL, REDIS_URL, REDIS_CLUSTER_NODES]
  pepper: true
  servers: [redis, rabbitmq]
  public: true
validation:
  port: 3002
  connections: [RABBITMQ_URL, REDIS_URL, REDIS_CLUSTER_NODES]
  servers: [redis, rabbitmq]
aggregation:
  port: 3003
  connections: [RABBITMQ_URL, DATABASE_URL]
  servers: [rabbitmq, postgresql]
results:
  port: 3004
  connections: [DATABASE_URL]
  servers: [postgresql]
  public: true
{{- end -}}

{{/* Where voters' browsers reach results: a ballot's status address begins with it. */}}
{{- define "scrutin.resultsUrl" -}}
{{- if or .Values.ingress.enabled .Values.httpRoute.enabled -}}
{{ ternary "https" "http" (or (not (empty .Values.ingress.tlsSecretName)) .Values.httpRoute.enabled) }}://{{ .Values.ingress.results.host }}{{ .Values.ingress.results.path | trimSuffix "/" }}
{{- else -}}
http://{{ include "scrutin.fullname" . }}-results.{{ .Release.Namespace }}.svc:3004
{{- end -}}
{{- end -}}

{{/* All settings of a stage, as YAML; takes (dict "root" $ "name" "ingestion"). The stage's own go before those of all. */}}
{{- define "scrutin.settings" -}}
{{- $own := (get .root.Values.stages .name).settings -}}
{{- $settings := merge (dict) $own .root.Values.settings -}}
{{- if eq .name "ingestion" -}}
{{- if not $settings.RESULTS_URL -}}{{- $_ := set $settings "RESULTS_URL" (include "scrutin.resultsUrl" .root) -}}{{- end -}}
{{- if and (not (hasKey $settings "TRUST_PROXY")) (or .root.Values.ingress.enabled .root.Values.httpRoute.enabled) -}}
{{- /* The ingress stands in front: without this its address would be every voter's, and share one rate limit. */ -}}
{{- $_ := set $settings "TRUST_PROXY" "1" -}}
{{- end -}}
{{- end -}}
{{ toYaml $settings }}
{{- end -}}

{{/* A stage's Deployment; takes (dict "root" $ "name" "ingestion" "stage" what scrutin.stages says of it). */}}
{{- define "scrutin.deployment" -}}
{{- $values := get .root.Values.stages .name -}}
{{- $part := dict "root" .root "component" .name -}}
{{- $settings := include "scrutin.settings" . | fromYaml -}}
{{- $scaled := or (dig "keda" "enabled" false $values) (dig "hpa" "enabled" false $values) -}}
{{- $stopMs := add (int (dig "SHUTDOWN_GRACE_MS" 20000 $settings)) (int (dig "SHUTDOWN_DELAY_MS" 0 $settings)) -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "scrutin.fullname" .root }}-{{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "scrutin.labels" $part | nindent 4 }}
spec:
  {{- if not $scaled }}
  replicas: {{ $values.replicas }}
  {{- end }}
  revisionHistoryLimit: 3
  strategy:
    rollingUpdate:
      # A pod goes only when its successor is ready.
      maxUnavailable: 0
      maxSurge: 1
  selector:
    matchLabels: {{- include "scrutin.selectorLabels" $part | nindent 6 }}
  template:
    metadata:
      labels: {{- include "scrutin.podLabels" $part | nindent 8 }}
      annotations:
        kubectl.kubernetes.io/default-container: {{ .name }}
        {{- if not .root.Values.connections.existing }}
        checksum/connections: {{ include "scrutin.connections" .root | sha256sum }}
        {{- end }}
        {{- if eq .root.Values.monitoring.kind "annotations" }}
        prometheus.io/scrape: "true"
        prometheus.io/port: {{ .stage.port | quote }}
        prometheus.io/path: /metrics
        {{- end }}
        {{- with .root.Values.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      # A stage asks nothing of Kubernetes.
      automountServiceAccountToken: false
      enableServiceLinks: false
      {{- with include "scrutin.imagePullSecrets" .root }}
      {{- . | nindent 6 }}
      {{- end }}
      {{- with .root.Values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      # Longer than SHUTDOWN_DELAY_MS and SHUTDOWN_GRACE_MS together, in which the process finishes what it has taken.
      terminationGracePeriodSeconds: {{ add (div (add $stopMs 999) 1000) 10 }}
      securityContext: {{- include "scrutin.podSecurity" (dict "user" .root.Values.podSecurity.runAsUser "group" .root.Values.podSecurity.runAsGroup) | nindent 8 }}
      containers:
        - name: {{ .name }}
          image: {{ include "scrutin.image" (dict "root" .root "image" $values.image) }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          {{- if .root.Values.development }}
          args: [--watch, --watch-preserve-output, services/{{ .name }}/src/main.ts]
          {{- end }}
          env:
            - name: HOST
              value: 0.0.0.0
            - name: PORT
              value: {{ .stage.port | quote }}
            - name: ELECTION_ID
              value: {{ include "scrutin.election" .root }}
            {{- range $key := .stage.connections }}
            - name: {{ $key }}
              valueFrom:
                secretKeyRef:
                  name: {{ $.root.Values.connections.secretName }}
                  {{- if and (eq $key "DATABASE_URL") (include "scrutin.ownPostgresql" $.root) }}
                  key: {{ upper $.name }}_DATABASE_URL
                  {{- else }}
                  key: {{ $key }}
                  {{- end }}
                  {{- if eq $key "REDIS_CLUSTER_NODES" }}
                  optional: true
                  {{- end }}
            {{- end }}
            {{- if .stage.pepper }}
            - name: VOTER_PEPPER
              valueFrom:
                secretKeyRef:
                  name: {{ .root.Values.pepper.secretName }}
                  key: VOTER_PEPPER
            {{- end }}
            {{- range $setting, $value := $settings }}
            - name: {{ $setting }}
              value: {{ include "scrutin.text" $value | quote }}
            {{- end }}
          ports:
            - name: http
              containerPort: {{ .stage.port }}
          startupProbe:
            httpGet: {path: /livez, port: http}
            periodSeconds: 1
            failureThreshold: 120
          livenessProbe:
            httpGet: {path: /livez, port: http}
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          readinessProbe:
            httpGet: {path: /readyz, port: http}
            periodSeconds: 2
            timeoutSeconds: 4
            # Ready from the moment all its servers were there until it stops: while one is away people get a clear 503
            # from a stage, rather than no connection.
            failureThreshold: 3
          resources: {{- toYaml $values.resources | nindent 12 }}
          securityContext: {{- include "scrutin.containerSecurity" (dict "writable" .root.Values.development) | nindent 12 }}
          volumeMounts:
            - name: tmp
              mountPath: /tmp
      volumes:
        - name: tmp
          emptyDir:
            sizeLimit: 64Mi
      topologySpreadConstraints:
        {{- range $topologyKey := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
        - maxSkew: 1
          topologyKey: {{ $topologyKey }}
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels: {{- include "scrutin.selectorLabels" $part | nindent 14 }}
        {{- end }}
        {{- with .root.Values.topologySpreadConstraints }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with .root.Values.nodeSelector }}
      nodeSelector: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .root.Values.tolerations }}
      tolerations: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .root.Values.affinity }}
      affinity: {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end -}}

{{/* A stage's Service; people reach those of ingestion and results. */}}
{{- define "scrutin.service" -}}
{{- $part := dict "root" .root "component" .name -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "scrutin.fullname" .root }}-{{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "scrutin.labels" $part | nindent 4 }}
  {{- if .stage.public }}
  {{- with .root.Values.service.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
spec:
  type: {{ ternary .root.Values.service.type "ClusterIP" (eq true .stage.public) }}
  selector: {{- include "scrutin.selectorLabels" $part | nindent 4 }}
  ports:
    - name: http
      port: {{ .stage.port }}
      targetPort: http
      appProtocol: http
{{- end -}}

{{- define "scrutin.disruptionBudget" -}}
{{- $part := dict "root" .root "component" .name -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "scrutin.fullname" .root }}-{{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "scrutin.labels" $part | nindent 4 }}
spec:
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels: {{- include "scrutin.selectorLabels" $part | nindent 6 }}
{{- end -}}
