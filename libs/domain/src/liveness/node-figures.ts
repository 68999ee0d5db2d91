/** What the fleet shows of each node in columns, next to its id. */
export const NODE_FIGURES = [
  'state',
  'draining',
  'slots',
  'active',
  'queued',
  'cpu',
  'memory',
  'lagMs',
  'responseMs',
  'completed',
  'failed',
  'heartbeatAgeMs',
] as const
