import { specificationLink } from "./specification_links.ts";

/** Section or statement of the specification, with its address. */
export function SpecificationLink({ reference }: { readonly reference: string }) {
  const link = specificationLink(reference);
  if (link === undefined) return <span class="note">{reference}</span>;
  return (
    <a class="note" href={link} target="_blank" rel="noopener noreferrer">
      {reference}
      <span class="visually-hidden">of the specification, in a new tab</span>
    </a>
  );
}
