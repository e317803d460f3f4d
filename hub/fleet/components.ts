// components.ts - who events say that they come from

export const HUB_COMPONENT = 'holdfast-fleet'
/** Tools that know Kubernetes look for the kubelet's name. */
export const AGENT_COMPONENT = 'kubelet'
