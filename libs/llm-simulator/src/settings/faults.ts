import type { SettingName, SimulatorSettings } from './settings.ts'
import { QUIRKS, type Quirk } from '../reply/quirks.ts'
import { createRandom } from '../reply/text.ts'

/** The faults that a call can have, and the settings of their probabilities. */
const SETTING_OF = {
  '429': 'fault429',
  '500': 'fault500',
  hang: 'faultHang',
  cut: 'faultCut',
  malformed: 'faultMalformed',
  drip: 'faultDrip',
} as const satisfies Record<string, SettingName>

/** One kind of fault: two refusals, no byte at all, a cut, broken JSON, a slow drip. */
export type FaultKind = keyof typeof SETTING_OF

/** In the order of the dice. */
const FAULT_KINDS = Object.keys(SETTING_OF) as readonly FaultKind[]

/** The dice that decide which calls fail. */
export type FaultDice = ReturnType<typeof createFaultDice>

/** Creates dice that start at the seed. */
export function createFaultDice(seed: number) {
  let random = createRandom(seed)
  return {
    /** Throws once: the same seed and order of calls give the same faults. */
    roll(settings: SimulatorSettings): FaultKind | undefined {
      let left = random()
      for (const kind of FAULT_KINDS) {
        left -= settings[SETTING_OF[kind]]
        if (left < 0) return kind
      }
      return undefined
    },
    /** Returns the quirk of the call, if it has one; uses no random number while the share of quirks is 0. */
    rollQuirk({ quirks }: SimulatorSettings): Quirk | undefined {
      if (quirks === 0 || random() >= quirks) return undefined
      return QUIRKS[Math.floor(random() * QUIRKS.length)]
    },
    /** Restarts from a seed. */
    reseed(next: number): void {
      random = createRandom(next)
    },
  }
}

/** Whether a text names a fault. */
export function isFaultKind(value: unknown): value is FaultKind {
  return FAULT_KINDS.some((kind) => kind === value)
}
