{{- define "smartsocket.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "smartsocket.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "smartsocket.labels" -}}
{{ include "smartsocket.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "smartsocket.opsSecret" -}}
{{- .Values.ops.existingSecret | default (printf "%s-ops" (include "smartsocket.name" .)) -}}
{{- end -}}

{{- define "smartsocket.joined" -}}
{{- if or .Values.nats.url .Values.nats.existingSecret }}yes{{ end -}}
{{- end -}}
