import type { FleetView, NodesFrame } from '@agentfleet/protocol'
import { expect, test } from 'vitest'
import { createNodesSubscriptions } from '../../src/stream/nodes.ts'

type Node = FleetView['nodes'][number]

function fleetOf(nodes: Node[]) {
  let rounds = 0
  const view = { nodes, observedAt: '0' } as FleetView
  return {
    view: () => view,
    observe: (next: Node[]) => {
      rounds += 1
      Object.assign(view, { nodes: next, observedAt: String(rounds) })
    },
  }
}

function viewerOf() {
  const frames: NodesFrame[] = []
  let reads = true
  const hint = (text: string) => {
    if (reads) frames.push(JSON.parse(text) as NodesFrame)
    return reads
  }
  const viewer = { hint }
  return { viewer, frames, read: (now: boolean) => void (reads = now) }
}

const node = (id: string, active: number) => ({ id, active, heartbeatAgeMs: Math.random() }) as Node
const ids = (frame: NodesFrame | undefined) => frame?.nodes.map(({ id }) => id)

test('a viewer gets all nodes first and then only nodes that changed or left, and gets all nodes again after a dropped frame', () => {
  const fleet = fleetOf([node('a', 0), node('b', 0)])
  const nodes = createNodesSubscriptions(fleet)
  const { viewer, frames, read } = viewerOf()
  nodes.follow(viewer)
  nodes.round()
  expect(frames.at(-1)).toMatchObject({ all: true, gone: [] })
  expect(ids(frames.at(-1))).toEqual(['a', 'b'])
  nodes.round()
  fleet.observe([node('a', 0), node('b', 0)])
  nodes.round()
  expect(frames).toHaveLength(1)
  fleet.observe([node('a', 1)])
  nodes.round()
  expect(frames.at(-1)).toMatchObject({ all: false, gone: ['b'] })
  expect(ids(frames.at(-1))).toEqual(['a'])
  read(false)
  fleet.observe([node('a', 2), node('c', 0)])
  nodes.round()
  read(true)
  nodes.round()
  expect(frames).toHaveLength(3)
  expect(frames.at(-1)).toMatchObject({ all: true })
  expect(ids(frames.at(-1))).toEqual(['a', 'c'])
})
