import type { NodeLoad, Placement } from './node-load.ts'
import type { Level } from '../task/spec.ts'

/**
 * Requirement classes: what a task reserves of its node's processor and memory.
 *
 * A node has as many units of each as it has slots, and a class reserves units the moment the task
 * is dispatched: measured figures come later, and a task that waits on its provider shows nothing
 * at first.
 */

/** Units of a resource that each class reserves: one slot's worth, half of it, or four times. */
const UNITS: Record<Level, number> = { low: 0.5, medium: 1, high: 4 }

/** A node measured above this share has no room for a task of that class, whatever is reserved. */
const CPU_CEILING: Record<Level, number> = { low: Infinity, medium: Infinity, high: 0.85 }
const MEMORY_CEILING: Record<Level, number> = { low: 0.97, medium: 0.95, high: 0.85 }

/** What a class reserves on a node of this many slots: an empty node takes any single task. */
export function reservationOf(level: Level, slots: number): number {
  return Math.min(UNITS[level], slots)
}

/** Whether the classes of a task fit beside what the node has and is about to have. */
export function hasRoom(node: NodeLoad, task: Placement): boolean {
  return (
    node.cpu <= CPU_CEILING[task.cpu] &&
    node.memory <= MEMORY_CEILING[task.memory] &&
    cpuUnits(node) + reservationOf(task.cpu, node.slots) <= node.slots &&
    memoryUnits(node) + reservationOf(task.memory, node.slots) <= node.slots
  )
}

/** The share in use of whichever is scarcest: slots (of those open now), processor or memory. */
export function usedShare(node: NodeLoad, openSlots: number): number {
  return Math.max(
    (node.active + node.inTransit) / openSlots,
    cpuUnits(node) / node.slots,
    memoryUnits(node) / node.slots,
  )
}

/** The node once the task is on its way to it: what the next decision of the same round sees. */
export function afterPlacing(node: NodeLoad, task: Placement): NodeLoad {
  return {
    ...node,
    inTransit: node.inTransit + 1,
    transitCpu: (node.transitCpu ?? node.inTransit) + reservationOf(task.cpu, node.slots),
    transitMemory: (node.transitMemory ?? node.inTransit) + reservationOf(task.memory, node.slots),
    // One probe shows whether the node may come back.
    ejected: node.ejected === 'probe' ? 'out' : node.ejected,
  }
}

function cpuUnits(node: NodeLoad): number {
  return (node.reservedCpu ?? node.active) + (node.transitCpu ?? node.inTransit)
}

function memoryUnits(node: NodeLoad): number {
  return (node.reservedMemory ?? node.active) + (node.transitMemory ?? node.inTransit)
}
