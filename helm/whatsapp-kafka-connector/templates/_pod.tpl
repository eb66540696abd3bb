{{- /* What every Pod of the chart has: nothing that a namespace of the restricted standard denies. */ -}}
{{- define "connector.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "connector.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- /* Folder and name of each Secret that a Pod mounts. Takes: root, own (folder to name, of this Pod only). */ -}}
{{- define "connector.secrets" -}}
{{- $secrets := .root.Values.secrets -}}
{{- toYaml (merge (dict) .own (ternary (dict "kafka" $secrets.kafka) dict (ne $secrets.kafka "")) (ternary (dict "registry" $secrets.registry) dict (ne $secrets.registry ""))) -}}
{{- end -}}

{{- define "connector.mounts" -}}
- name: config
  mountPath: /etc/connector
  readOnly: true
{{- range $folder, $_ := include "connector.secrets" . | fromYaml }}
- name: {{ $folder }}
  mountPath: /run/secrets/{{ $folder }}
  readOnly: true
{{- end }}
{{- end -}}

{{- define "connector.volumes" -}}
- name: config
  configMap:
    name: {{ include "connector.name" .root }}
{{- range $folder, $name := include "connector.secrets" . | fromYaml }}
- name: {{ $folder }}
  secret:
    secretName: {{ $name }}
    # 0440: the group of the Pod reads, nobody else.
    defaultMode: 288
{{- end }}
{{- end -}}

{{- /*
A command of the connector as a Job that starts anew when what it depends on changes: a Job itself cannot be changed.
Takes: root, name, args.
*/ -}}
{{- define "connector.job" -}}
{{- $root := .root -}}
{{- $context := dict "root" .root "own" dict -}}
{{- $sum := toYaml (list $root.Values.config (include "connector.image" $root) .args) | sha256sum | trunc 8 -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ include "connector.name" $root }}-{{ .name }}-{{ $sum }}
  labels:
    {{- include "connector.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .name }}
spec:
  backoffLimit: 10
  template:
    metadata:
      labels:
        {{- include "connector.labels" $root | nindent 8 }}
        app.kubernetes.io/component: {{ .name }}
    spec:
      serviceAccountName: {{ include "connector.serviceAccount" $root }}
      automountServiceAccountToken: false
      enableServiceLinks: false
      restartPolicy: OnFailure
      securityContext:
        {{- include "connector.podSecurity" $root | nindent 8 }}
      {{- with $root.Values.image.pullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - name: {{ .name }}
          image: {{ include "connector.image" $root }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          args:
            {{- toYaml .args | nindent 12 }}
          securityContext:
            {{- include "connector.containerSecurity" $root | nindent 12 }}
          resources:
            {{- toYaml $root.Values.jobs.resources | nindent 12 }}
          volumeMounts:
            {{- include "connector.mounts" $context | nindent 12 }}
      volumes:
        {{- include "connector.volumes" $context | nindent 8 }}
{{- end -}}
