// version.ts - the version of hub and agent
export const HOLDFAST_VERSION = '0.1.0'
