module keelson.dev/tests/definitions

go 1.26.0

require (
	github.com/kedacore/keda/v2 v2.20.2
	github.com/prometheus-operator/prometheus-operator v0.85.0
	sigs.k8s.io/gateway-api v1.4.1
	sigs.k8s.io/karpenter v1.9.0
)
