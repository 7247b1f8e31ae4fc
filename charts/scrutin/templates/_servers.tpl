{{/* Which servers are the election's own: "true" or empty. */}}
{{- define "scrutin.ownRedis" -}}
{{- if and .Values.redis.enabled (not .Values.connections.existing) (not .Values.connections.redisUrl) -}}true{{- end -}}
{{- end -}}
{{- define "scrutin.ownRabbitmq" -}}
{{- if and .Values.rabbitmq.enabled (not .Values.connections.existing) (not .Values.connections.rabbitmqUrl) -}}true{{- end -}}
{{- end -}}
{{- define "scrutin.ownPostgresql" -}}
{{- if and .Values.postgresql.enabled (not .Values.connections.existing) (not .Values.connections.databaseUrl) -}}true{{- end -}}
{{- end -}}

{{/* A server's name as pods of any namespace resolve it; takes (dict "root" $ "server" "redis"). */}}
{{- define "scrutin.serverHost" -}}
{{ include "scrutin.fullname" .root }}-{{ .server }}.{{ .root.Release.Namespace }}.svc
{{- end -}}

{{/*
A password that is made once: taken from the Secret of an earlier install or upgrade, else made up, and the same
wherever it is asked for while one rendering goes on. Takes (dict "root" $ "secret" NAME "key" KEY "pepper" bool).
*/}}
{{- define "scrutin.madeOnce" -}}
{{- $id := printf "made %s %s" .secret .key -}}
{{- if not (hasKey .root.Values $id) -}}
{{- $kept := (lookup "v1" "Secret" .root.Release.Namespace .secret).data | default dict -}}
{{- $value := "" -}}
{{- if hasKey $kept .key -}}
{{- $value = get $kept .key | b64dec -}}
{{- else if .pepper -}}
{{- $value = randBytes 32 | b64dec | printf "%x" -}}
{{- else -}}
{{- $value = randAlphaNum 32 -}}
{{- end -}}
{{- $_ := set .root.Values $id $value -}}
{{- end -}}
{{- get .root.Values $id -}}
{{- end -}}

{{- define "scrutin.serversSecret" -}}{{ include "scrutin.fullname" . }}-servers{{- end -}}
{{- define "scrutin.password" -}}
{{- include "scrutin.madeOnce" (dict "root" .root "secret" (include "scrutin.serversSecret" .root) "key" .server) -}}
{{- end -}}

{{/* What the connection Secret holds, as YAML. */}}
{{- define "scrutin.connections" -}}
{{- $c := .Values.connections -}}
{{- $host := dict "redis" (include "scrutin.serverHost" (dict "root" . "server" "redis")) "rabbitmq" (include "scrutin.serverHost" (dict "root" . "server" "rabbitmq")) "postgresql" (include "scrutin.serverHost" (dict "root" . "server" "postgresql")) -}}
{{- if include "scrutin.ownRedis" . }}
REDIS_URL: {{ printf "redis://:%s@%s:6379" (include "scrutin.password" (dict "root" . "server" "redis")) $host.redis | quote }}
{{- else }}
REDIS_URL: {{ required "connections.redisUrl is needed: redis.enabled is false and connections.existing, too" $c.redisUrl | quote }}
{{- with $c.redisClusterNodes }}
REDIS_CLUSTER_NODES: {{ . | quote }}
{{- end }}
{{- end }}
{{- if include "scrutin.ownRabbitmq" . }}
{{- /* The operator makes the stages' user, with no right but on the election's virtual host. */}}
{{- $stages := printf "%s:%s" (include "scrutin.virtualHost" .) (include "scrutin.password" (dict "root" . "server" "rabbitmq-stages")) }}
{{- $administrator := printf "scrutin:%s" (include "scrutin.password" (dict "root" . "server" "rabbitmq")) }}
RABBITMQ_URL: {{ printf "amqp://%s@%s:5672/%s" $stages $host.rabbitmq (include "scrutin.virtualHost" .) | quote }}
RABBITMQ_MANAGEMENT_URL: {{ printf "http://%s@%s:15672" $administrator $host.rabbitmq | quote }}
{{- else }}
RABBITMQ_URL: {{ required "connections.rabbitmqUrl is needed: rabbitmq.enabled is false and connections.existing, too" $c.rabbitmqUrl | quote }}
RABBITMQ_MANAGEMENT_URL: {{ required "connections.rabbitmqManagementUrl is needed beside connections.rabbitmqUrl" $c.rabbitmqManagementUrl | quote }}
{{- end }}
{{- if include "scrutin.ownPostgresql" . }}
{{- $database := include "scrutin.database" . }}
DATABASE_URL: {{ printf "postgres://scrutin:%s@%s:5432/%s" (include "scrutin.password" (dict "root" . "server" "postgresql")) $host.postgresql $database | quote }}
{{- /* The operator makes these users, with the rights of their stage and no other. */}}
{{- range $stage := list "aggregation" "results" }}
{{- $password := include "scrutin.password" (dict "root" $ "server" (printf "postgresql-%s" $stage)) }}
{{ upper $stage }}_DATABASE_URL: {{ printf "postgres://%s_%s:%s@%s:5432/%s" $database $stage $password $host.postgresql $database | quote }}
{{- end }}
{{- else }}
DATABASE_URL: {{ required "connections.databaseUrl is needed: postgresql.enabled is false and connections.existing, too" $c.databaseUrl | quote }}
{{- end }}
{{- end -}}
