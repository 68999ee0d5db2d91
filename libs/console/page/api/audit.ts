/** The path of the latest changes by an operation, also of those whose outcome the gateway does not know. */
export function changesPath(operation: string, limit: number): string {
  return `/v1/audit?operation=${operation}&kind=change&kind=unknown&limit=${limit}`
}
