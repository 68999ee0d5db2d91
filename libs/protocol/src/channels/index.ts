import type { Channel } from './channel.ts'
import { FLEET_CHANNELS } from './fleet.ts'
import { STORED_CHANNELS } from './stored.ts'
import { WORK_CHANNELS } from './work.ts'

export { filledIn, nodeIdIn, subjectOf } from './channel.ts'
export type { Channel, ChannelKind, Items, Params, Shape, Where } from './channel.ts'
export { STREAM_RIGHTS } from './stored.ts'
export type { PointerAck } from './work.ts'

/** All channels of the bus, each declared once. */
export const CHANNELS = { ...WORK_CHANNELS, ...FLEET_CHANNELS, ...STORED_CHANNELS } as const

/** The channels in the order of their declaration. */
export const ALL_CHANNELS: readonly Channel[] = Object.values(CHANNELS)
