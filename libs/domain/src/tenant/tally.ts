/** What each owner holds, and all together; an owner that holds nothing takes no memory. */
export interface Tally {
  add(owner: string, by: number): void
  of(owner: string): number
  total(): number
}

/** Creates an empty tally. */
export function createTally(): Tally {
  const amounts = new Map<string, number>()
  let total = 0
  return {
    add(owner, by) {
      const amount = (amounts.get(owner) ?? 0) + by
      total += by
      if (amount === 0) amounts.delete(owner)
      else amounts.set(owner, amount)
    },
    of: (owner) => amounts.get(owner) ?? 0,
    total: () => total,
  }
}
