import { useState } from 'preact/hooks'
import type { ServerFrame } from '@agentfleet/protocol'
import { streaming, useStream } from '../api/socket.ts'

/** The numbers of the caller's tasks and of the fleet. */
export type StatsFrame = Extract<ServerFrame, { type: 'stats' }>

/** Follows the numbers, which the gateway counts once a second for all viewers; undefined while no stream is open. */
export function useStats(): StatsFrame | undefined {
  const [stats, setStats] = useState<StatsFrame>()
  useStream({ type: 'subscribe', stats: true }, (frame) => {
    if (frame.type === 'stats') setStats(frame)
  })
  return streaming.value ? stats : undefined
}
