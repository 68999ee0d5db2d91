import type { FleetView, NodesFrame } from '@agentfleet/protocol'
import type { Viewer } from './subscriptions.ts'

type NodesViewer = Pick<Viewer, 'hint'>

/**
 * The viewers that follow the nodes of the fleet: first all nodes, then those that have changed.
 *
 * Each round compares the nodes once and sends the same frame to all viewers, so the work does not grow with
 * the viewers. Invariants (L7): a frame is dropped for a viewer that reads too slowly, which then gets all
 * nodes again as soon as it reads; no snapshot is compared twice.
 */
export type NodesSubscriptions = ReturnType<typeof createNodesSubscriptions>

/** Milliseconds between rounds: people follow two changes a second. */
export const NODES_INTERVAL_MS = 500

/** Creates the subscriptions, without viewers. */
export function createNodesSubscriptions(fleet: { view(withHistory: boolean): FleetView }) {
  /** True for viewers that have all nodes of the last round. */
  const viewers = new Map<NodesViewer, boolean>()
  let sent = new Map<string, string>()
  let observedAt: string | undefined

  return {
    follow(viewer: NodesViewer): void {
      viewers.set(viewer, false)
    },
    unfollow(viewer: NodesViewer): void {
      viewers.delete(viewer)
      if (viewers.size > 0) return
      sent = new Map()
      observedAt = undefined
    },
    /** Sends what has changed; call it every NODES_INTERVAL_MS. */
    round(): void {
      if (viewers.size === 0) return
      const view = fleet.view(false)
      const changed = view.observedAt !== observedAt
      if (!changed && [...viewers.values()].every(Boolean)) return
      const at = view.observedAt ?? new Date(0).toISOString()
      let change: string | undefined
      if (changed) {
        observedAt = view.observedAt
        const now = new Map(view.nodes.map((node) => [node.id, stateOf(node)]))
        const nodes = view.nodes.filter(({ id }) => sent.get(id) !== now.get(id))
        const gone = [...sent.keys()].filter((id) => !now.has(id))
        sent = now
        if (nodes.length + gone.length > 0) change = textOf({ at, all: false, nodes, gone })
      }
      let whole: string | undefined
      for (const [viewer, complete] of viewers) {
        if (complete && change === undefined) continue
        whole ??= complete ? undefined : textOf({ at, all: true, nodes: view.nodes, gone: [] })
        viewers.set(viewer, viewer.hint(complete ? change! : whole!))
      }
    },
  }
}

/** What a change is judged by: the age of a heartbeat changes always. */
function stateOf({ heartbeatAgeMs: _age, ...node }: FleetView['nodes'][number]): string {
  return JSON.stringify(node)
}

function textOf(frame: Omit<NodesFrame, 'type'>): string {
  return JSON.stringify({ type: 'nodes', ...frame } satisfies NodesFrame)
}
