import { signal } from '@preact/signals'
import { recall, remember } from './remembered.ts'

const KEY = 'agentfleet.zone'

/** The time zone in which the page writes times: UTC, or the zone of the reader, which has the empty name. */
export const zone = signal<'' | 'UTC'>(recall(KEY) === 'UTC' ? 'UTC' : '')

/** Chooses the time zone and remembers it. */
export function setZone(chosen: '' | 'UTC'): void {
  zone.value = chosen
  remember(KEY, chosen)
}
