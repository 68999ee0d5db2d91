/** Repeatable randomness: the same seed gives the same world. */

/** A seeded source of numbers from 0 up to but not including 1 (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Above this mean the normal distribution replaces Poisson's; tables do not show the difference. */
const POISSON_NORMAL_FROM = 30

/** A number drawn from the standard normal distribution (Box and Muller). */
export function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

/** A count drawn from Poisson's distribution with this mean. */
export function poisson(mean: number, random: () => number): number {
  if (mean > POISSON_NORMAL_FROM) {
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal(random)))
  }
  const floor = Math.exp(-mean)
  let count = 0
  for (let product = random(); product > floor; product *= random()) count += 1
  return count
}
