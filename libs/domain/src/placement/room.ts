import type { NodeLoad, Placement } from './node-load.ts'
import type { Level } from '../task/spec.ts'

/**
 * Requirement classes: the share of its node's processor and memory that a task reserves.
 *
 * A node has as many units of each as it has slots, and a class reserves units the moment the task is
 * dispatched: measured figures arrive later, and a task that waits for its provider uses almost nothing at
 * first.
 */

/** Units of a resource that each class reserves: one slot's worth, half of it, or four times. */
const UNITS: Record<Level, number> = { low: 0.5, medium: 1, high: 4 }

/** A node whose measured share is higher has no room for a task of this class, even if its reservations leave room. */
const CPU_CEILING: Record<Level, number> = { low: Infinity, medium: Infinity, high: 0.85 }
const MEMORY_CEILING: Record<Level, number> = { low: 0.97, medium: 0.95, high: 0.85 }

/** The units that a class reserves on a node of this many slots: an empty node takes any single task. */
export function reservationOf(level: Level, slots: number): number {
  return Math.min(UNITS[level], slots)
}

/** Whether the classes of a task fit next to the node's active and dispatched tasks. */
export function hasRoom(node: NodeLoad, task: Placement): boolean {
  return (
    node.cpu <= CPU_CEILING[task.cpu] &&
    node.memory <= MEMORY_CEILING[task.memory] &&
    cpuUnits(node) + reservationOf(task.cpu, node.slots) <= node.slots &&
    memoryUnits(node) + reservationOf(task.memory, node.slots) <= node.slots
  )
}

/** The used share of the scarcest resource: slots (of those open now), processor or memory. */
export function usedShare(node: NodeLoad, openSlots: number): number {
  return Math.max(
    (node.active + node.inTransit) / openSlots,
    cpuUnits(node) / node.slots,
    memoryUnits(node) / node.slots,
  )
}

/** The node with the task on its way to it, for the next decision of the same round. */
export function afterPlacing(node: NodeLoad, task: Placement): NodeLoad {
  return {
    ...node,
    inTransit: node.inTransit + 1,
    transitCpu: (node.transitCpu ?? node.inTransit) + reservationOf(task.cpu, node.slots),
    transitMemory: (node.transitMemory ?? node.inTransit) + reservationOf(task.memory, node.slots),
    // One probe shows whether the node may return.
    ejected: node.ejected === 'probe' ? 'out' : node.ejected,
  }
}

function cpuUnits(node: NodeLoad): number {
  return (node.reservedCpu ?? node.active) + (node.transitCpu ?? node.inTransit)
}

function memoryUnits(node: NodeLoad): number {
  return (node.reservedMemory ?? node.active) + (node.transitMemory ?? node.inTransit)
}
