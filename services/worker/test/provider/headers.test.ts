import { describe, expect, test } from 'vitest'
import { rateHintsOf, retryAfterIn } from '../../src/provider/http/headers.ts'

/** The headers in which providers state their limits and ask for a pause; a new one is one row. */

const fields = (headers: Record<string, string>) => new Map(Object.entries(headers))

describe('the rate limits of a provider', () => {
  test('are read from the usual headers, and invalid headers are ignored', () => {
    expect(
      rateHintsOf(
        fields({
          'x-ratelimit-limit-requests': '600',
          'x-ratelimit-remaining-tokens': '0',
          'x-ratelimit-limit-tokens': 'many',
        }),
      ),
    ).toEqual({ rpm: 600, tokensLeft: 0 })
  })

  test.each<[Record<string, string>, number | undefined]>([
    [{ 'retry-after': '3' }, 3_000],
    [{ 'retry-after-ms': '250', 'retry-after': '1' }, 250],
    [{ 'retry-after': 'Thu, 01 Jan 2026 00:00:05 GMT' }, 5_000],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': '1.5' }, 1_500],
    [{ 'retry-after': '-5' }, undefined],
    [{ 'retry-after': 'in 5' }, undefined],
    [{ 'retry-after': 'NaN' }, undefined],
    [{ 'retry-after': '' }, undefined],
    [{ 'retry-after': 'Wed, 01 Jan 2025 00:00:05 GMT' }, 0],
    [{ 'retry-after': '999999' }, 300_000],
    [{ 'retry-after': '1m2.5s' }, 62_500],
    [{ 'retry-after': '2 seconds' }, 2_000],
    [{ 'retry-after': '"2"' }, 2_000],
    [{ 'retry-after': '+2' }, 2_000],
    [{ 'retry-after': '2, 5' }, 2_000],
    [{ 'retry-after': '2;comment' }, 2_000],
    [{ 'retry-after': 'PT30S' }, 30_000],
    [{ 'retry-after': '99999999999999999999' }, 300_000],
    [{ 'retry-after': '1e999' }, undefined],
    [{ 'retry-after': '2026-01-01 00:00:05' }, 5_000],
    [{ 'retry-after': '2026-01-01T00:00:05Z' }, 5_000],
    [{ 'retry-after': 'Thu Jan  1 00:00:05 2026 GMT' }, 5_000],
    [{ 'x-ms-retry-after-ms': '3000' }, 3_000],
    [{ 'retry-after-ms': '-5', 'retry-after': '1' }, 1_000],
    [{ 'x-ratelimit-reset-after': '3', 'x-ratelimit-remaining': '0' }, 3_000],
    [{ 'x-ratelimit-reset-after': '3' }, undefined],
    [{ 'x-ratelimit-reset-requests': '3', 'x-ratelimit-remaining-requests': '-1' }, 3_000],
    [{ 'ratelimit-reset': '3', 'ratelimit-remaining': '0' }, 3_000],
    [
      {
        'anthropic-ratelimit-requests-reset': '2026-01-01T00:00:05Z',
        'anthropic-ratelimit-requests-remaining': '0',
      },
      5_000,
    ],
    [{ 'retry-after': '1767225605' }, 5_000],
    [{ 'x-ratelimit-reset-requests': '7.66s', 'x-ratelimit-remaining-requests': '0' }, 7_660],
    [{ 'x-ratelimit-reset-tokens': '120ms', 'x-ratelimit-remaining-tokens': '0' }, 120],
    [{ 'x-ratelimit-reset-requests': '1h', 'x-ratelimit-remaining-requests': '3' }, undefined],
    [{ 'x-ratelimit-reset': '1767225605000', 'x-ratelimit-remaining': '0' }, 5_000],
    [{ 'retry-after': 'P1DT2H' }, 300_000],
    [{ 'retry-after': '5d' }, 300_000],
    [{ 'retry-after': 'Infinity' }, undefined],
    [{ 'retry-after': '"Thu, 01 Jan 2026 00:00:05 GMT"' }, 5_000],
    [{ 'retry-after': '1767225605123456' }, 5_124],
    [{ 'retry-after': '1767225605123456789' }, 5_124],
    [{ 'retry-after': '1767225605.5' }, 5_500],
    [{ 'retry-after': '0' }, 0],
    [{ 'retry-after-ms': '250ms' }, 250],
    [{ 'retry-after-ms': '1.2s' }, 1_200],
    [{ 'retry-after-ms': 'NaN', 'retry-after': '2' }, 2_000],
    [{ 'x-ratelimit-reset-requests': '1m26.4s', 'x-ratelimit-remaining-requests': '0' }, 86_400],
    [{ 'x-ratelimit-reset-requests-day': '90', 'x-ratelimit-remaining-requests-day': '0' }, 90_000],
    [{ 'x-rate-limit-reset': '4', 'x-rate-limit-remaining': '0' }, 4_000],
    [
      {
        'x-ratelimit-reset-requests': '2',
        'x-ratelimit-remaining-requests': '0',
        'x-ratelimit-reset-tokens': '7s',
        'x-ratelimit-remaining-tokens': '0',
        'x-ratelimit-reset': '99',
        'x-ratelimit-remaining': '0',
      },
      7_000,
    ],
    [{ ratelimit: '"default";r=0;t=30' }, 30_000],
    [{ ratelimit: 'default; r=0; t=30' }, 30_000],
    [{ ratelimit: '"default";r=5;t=30' }, undefined],
    [{ ratelimit: '"minute";r=5;t=30, "day";r=0;t=90' }, 90_000],
    [{ ratelimit: '"a, b";r=0;t=3' }, 3_000],
    [{ ratelimit: '"day";r=0', 'ratelimit-policy': '"hour";q=9;w=60, "day";q=99;w=120' }, 120_000],
    [{ ratelimit: '"day";r=0' }, undefined],
    [{ ratelimit: '"day";r=0;t=NaN' }, undefined],
    [{ ratelimit: '"day";r=-1;t=2' }, 2_000],
    [{ ratelimit: 'limit=10, remaining=0, reset=30' }, 30_000],
    [{ ratelimit: 'limit=10, remaining=3, reset=30' }, undefined],
    [{ ratelimit: '"default";r=0;t=30', 'retry-after': '2' }, 2_000],
    [{ ratelimit: '__proto__=1, constructor;r=0;t=2' }, 2_000],
    [{ ratelimit: '"'.repeat(60_000) }, undefined],
  ])('are read from the headers %j as a pause of %s ms', (headers, expected) => {
    expect(retryAfterIn(fields(headers), Date.parse('2026-01-01T00:00:00Z'))).toBe(expected)
  })
})
