{{- /*
One role as a Deployment. Takes: root, role (ingress or delivery), secret (folder and name), ports, grace, strategy, preStop.
*/ -}}
{{- define "connector.deployment" -}}
{{- $root := .root -}}
{{- $values := index $root.Values .role -}}
{{- $context := dict "root" .root "own" (dict .secret.folder .secret.name) -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "connector.name" $root }}-{{ .role }}
  labels:
    {{- include "connector.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .role }}
spec:
  {{- if not $values.autoscaling.enabled }}
  replicas: {{ $values.replicas | int }}
  {{- end }}
  strategy:
    type: RollingUpdate
    rollingUpdate:
      {{- toYaml .strategy | nindent 6 }}
  selector:
    matchLabels:
      {{- include "connector.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "connector.labels" $root | nindent 8 }}
        app.kubernetes.io/component: {{ .role }}
        {{- with $values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      annotations:
        # The configuration is read at start: a change has to roll the Pods.
        checksum/config: {{ toYaml $root.Values.config | sha256sum }}
        {{- with $values.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      serviceAccountName: {{ include "connector.serviceAccount" $root }}
      automountServiceAccountToken: false
      # Service variables of Kubernetes begin like the connector's own when a Service is called connector.
      enableServiceLinks: false
      terminationGracePeriodSeconds: {{ .grace | int }}
      securityContext:
        {{- include "connector.podSecurity" $root | nindent 8 }}
      {{- with $values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      {{- with $root.Values.image.pullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - name: {{ .role }}
          image: {{ include "connector.image" $root }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          args: [{{ .role }}, --config, /etc/connector/config.yaml]
          ports:
            {{- toYaml .ports | nindent 12 }}
          {{- with .preStop }}
          lifecycle:
            preStop:
              {{- toYaml . | nindent 14 }}
          {{- end }}
          livenessProbe:
            httpGet: {path: /livez, port: admin}
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          readinessProbe:
            httpGet: {path: /readyz, port: admin}
            periodSeconds: 5
            timeoutSeconds: 3
          securityContext:
            {{- include "connector.containerSecurity" $root | nindent 12 }}
          resources:
            {{- toYaml $values.resources | nindent 12 }}
          volumeMounts:
            {{- include "connector.mounts" $context | nindent 12 }}
      volumes:
        {{- include "connector.volumes" $context | nindent 8 }}
      {{- with $values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.affinity }}
      affinity:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      topologySpreadConstraints:
        {{- with $values.topologySpreadConstraints }}
        {{- toYaml . | nindent 8 }}
        {{- else }}
        {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
        - maxSkew: 1
          topologyKey: {{ . }}
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              {{- include "connector.selector" $ | nindent 14 }}
        {{- end }}
        {{- end }}
{{- end -}}

{{- define "connector.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- end -}}

{{- define "connector.disruptionBudget" -}}
{{- $budget := (index .root.Values .role).podDisruptionBudget -}}
{{- if $budget.enabled -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "connector.name" .root }}-{{ .role }}
  labels:
    {{- include "connector.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .role }}
spec:
  maxUnavailable: {{ $budget.maxUnavailable }}
  selector:
    matchLabels:
      {{- include "connector.selector" . | nindent 6 }}
{{- end -}}
{{- end -}}
