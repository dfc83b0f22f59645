/** Answers of the API, as far as the page reads them. */

export interface BrokerFacts {
  readonly version: string;
  readonly storage: {
    readonly name: string;
    readonly isDurable: boolean;
    readonly isFailing: boolean;
  };
}
