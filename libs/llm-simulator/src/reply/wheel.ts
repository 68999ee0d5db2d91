/**
 * One timer for all streams. A Node timer per token would cost more than the token; here every stream owns
 * one alarm, and a single tick rings the due ones.
 *
 * States of an alarm: idle -> armed -> (rung or disarmed) idle.
 * W1 an alarm never rings early, and at most a tick and the event loop's lag late.
 * W2 without armed alarms no timer runs and the wheel holds no reference to any alarm.
 */

/** 5 ms: finer than any token rate that a reader can distinguish from immediate. */
const TICK_MS = 5
/** 1,024 slots of 5 ms: each slot is visited every 5 s, so disarmed alarms are forgotten within that time. */
const SLOT_COUNT = 1_024

/** An alarm; only the wheel writes its first two fields. */
interface Alarm {
  dueTick: number
  armed: boolean
  readonly ring: () => void
}

/** The shared timer of a simulator. */
export type Wheel = ReturnType<typeof createWheel>

/** Creates an idle alarm. */
export function createAlarm(ring: () => void): Alarm {
  return { dueTick: 0, armed: false, ring }
}

/** Creates a wheel; it starts ticking with its first alarm. `nowMs`: the clock that alarms are set by. */
export function createWheel(nowMs: () => number = () => performance.now()) {
  let slots = emptySlots()
  let armedCount = 0
  let tick = 0
  let timer: NodeJS.Timeout | undefined

  /** Rings the alarm once at that time, in place of its earlier time. */
  function arm(alarm: Alarm, atMs: number): void {
    if (timer === undefined) {
      tick = Math.floor(nowMs() / TICK_MS)
      timer = setTimeout(turn, TICK_MS)
    }
    if (!alarm.armed) armedCount += 1
    alarm.armed = true
    alarm.dueTick = Math.max(Math.ceil(atMs / TICK_MS), tick + 1)
    slots[alarm.dueTick % SLOT_COUNT]?.push(alarm)
  }

  /** Keeps the alarm from ringing. */
  function disarm(alarm: Alarm): void {
    if (!alarm.armed) return
    alarm.armed = false
    armedCount -= 1
  }

  function turn(): void {
    const target = Math.floor(nowMs() / TICK_MS)
    // After a long pause one round over all slots finds every due alarm.
    tick = Math.max(tick, target - SLOT_COUNT)
    while (tick < target) {
      tick += 1
      visit(tick % SLOT_COUNT, target)
    }
    if (armedCount > 0) {
      timer = setTimeout(turn, TICK_MS)
      return
    }
    timer = undefined
    slots = emptySlots() // W2
  }

  function visit(index: number, target: number): void {
    const alarms = slots[index]
    if (alarms === undefined || alarms.length === 0) return
    slots[index] = []
    for (const alarm of alarms) {
      // The old entry of an alarm that was armed again, or disarmed, is dropped here.
      if (!alarm.armed || alarm.dueTick % SLOT_COUNT !== index) continue
      if (alarm.dueTick > target) {
        slots[index].push(alarm) // W1
        continue
      }
      alarm.armed = false
      armedCount -= 1
      alarm.ring()
    }
  }

  /** Disarms everything. */
  function close(): void {
    clearTimeout(timer)
    timer = undefined
    for (const slot of slots) for (const alarm of slot) alarm.armed = false
    armedCount = 0
    slots = emptySlots()
  }

  return { nowMs, arm, disarm, close }
}

function emptySlots(): Alarm[][] {
  return Array.from({ length: SLOT_COUNT }, () => [])
}
