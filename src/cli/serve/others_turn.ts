/** Resolves in the next turn, when everything that was read or has ended in this turn is known. */
export function othersTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
