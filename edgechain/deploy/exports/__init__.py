"""Device files as other people's tools want them: Kubernetes manifests, an Ansible role."""
