import { expect, test } from 'vitest'
import { bannerOf } from '../../src/start/banner.ts'

type BannerFleet = Parameters<typeof bannerOf>[0]

const member = { id: 'gateway-1', adminUrl: () => 'http://127.0.0.1:4711' }
const fleet = {
  dir: '/state/fleet-1',
  url: 'http://127.0.0.1:8080',
  apiKey: undefined,
  consul: { url: 'http://127.0.0.1:8500' },
  simulators: ['http://127.0.0.1:9'],
  provider: { kind: 'simulated' },
  members: () => [member],
} as unknown as BannerFleet
const bounds = { min: 2, max: 8 }

test('the banner of the start lists the page, the command line, the logs, the metrics ports, the way to begin with an empty state and the bounds of scaling', () => {
  const banner = bannerOf(fleet, 4_200, bounds)
  expect(banner).toContain('ready in 4.2 s')
  expect(banner).toContain('page     http://127.0.0.1:8080/console\n')
  expect(banner).toContain('npx --no agentfleet help')
  expect(banner).toContain('/state/fleet-1/logs')
  expect(banner).toContain('gateway-1 4711')
  expect(banner).toContain('delete this folder')
  expect(banner).toContain('runs 2 to 8 workers')
  expect(banner).toContain('simulated (http://127.0.0.1:9)')
  expect(banner).not.toContain('authorization')
})

test('the banner shows the configured provider with its default model, and no key', () => {
  const provider = { kind: 'provider', says: 'local (http://h/v1)', defaultModel: 'm' } as const
  const banner = bannerOf({ ...fleet, simulators: [], provider, apiKey: 'a-secret' }, 1, bounds)
  expect(banner).toContain('local (http://h/v1); default model m')
  expect(banner).not.toContain('simulated')
  expect(banner).toContain('Bearer YOUR_KEY')
  expect(banner).not.toContain('a-secret')
})
