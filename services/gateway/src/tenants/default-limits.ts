/** What a tenant may have at most of each thing, unless the operator has set a limit for the tenant (L7). */
export const DEFAULT_LIMITS = {
  /** More definitions of agents than a team can keep apart; with all versions they take a few MB of each gateway. */
  agents: 200,
  /** Bounds the work of the coordinators, each of which examines every schedule. */
  schedules: 200,
  /** Connections to one gateway; one connection follows any number of tasks. */
  streams: 1_000,
  /** Requests that one gateway holds until their task ends; further ones are answered with 202 at once. */
  heldRequests: 5_000,
} as const
