import { expect, test } from 'vitest'
import * as line from '../../libs/cli/src/render/formats.ts'
import * as page from '../../libs/console/page/format/format.ts'

const HOUR_MS = 3_600_000

test('the page and the command line write a cost, a cost of which a part is unknown, a duration, a size and a share in the same way', () => {
  for (const cost of [undefined, 0, 0.000_01, 0.000_2, 0.0099, 0.01, 0.046, 12.345]) {
    expect(line.usd(cost)).toBe(page.usd(cost))
  }
  for (const unpricedCalls of [0, 2, 3]) {
    for (const costUsd of [undefined, 0, 0.000_01, 0.046]) {
      const usage = { llmCalls: 3, costUsd, unpricedCalls }
      expect(line.costOf(usage)).toBe(page.costOf(usage))
    }
  }
  const durationsMs = [0, 840, 999.6, 1_449, 52_660, 59_960, 185_000, HOUR_MS, 25 * HOUR_MS]
  for (const ms of [undefined, ...durationsMs, 100 * HOUR_MS]) {
    expect(line.duration(ms)).toBe(page.duration(ms))
  }
  for (const size of [0, 512, 1_500, 2_290_000, 180_400_000, 80_300_000_000]) {
    expect(line.bytes(size)).toBe(page.bytes(size))
  }
  for (const share of [undefined, 0, 0.004, 0.625, 0.997, 1]) {
    expect(line.percent(share)).toBe(page.percent(share))
  }
})
