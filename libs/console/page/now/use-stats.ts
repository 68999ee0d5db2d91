import { useEffect, useState } from 'preact/hooks'
import type { ServerFrame } from '@agentfleet/protocol'
import { paused } from '../api/load.ts'
import { followStream, streaming } from '../api/socket.ts'

/** The numbers of the caller's tasks and of the fleet. */
export type StatsFrame = Extract<ServerFrame, { type: 'stats' }>

/** Follows the numbers, which the gateway counts once a second for all viewers; undefined while no stream is open. */
export function useStats(): StatsFrame | undefined {
  const [stats, setStats] = useState<StatsFrame>()
  const still = paused.value
  useEffect(() => {
    if (still) return undefined
    const stream = followStream(
      () => [{ type: 'subscribe', stats: true }],
      (frame) => {
        if (frame.type === 'stats') setStats(frame)
      },
    )
    return () => stream.close()
  }, [still])
  return streaming.value ? stats : undefined
}
