// picture.tsx - a picture that a job drew.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useLoaded } from "../lib/hooks";
import { ErrorBox, Wait } from "../ui/parts";
import { readArtifact } from "./artifacts";

export function Picture({ job, name, step, alt }: { job: string; name: string; step: string; alt: string }): JSX.Element {
  const blob = useLoaded(`${job}/${name}@${step}`, (signal) => readArtifact(job, name, signal));
  const [url, setUrl] = useState("");
  useEffect(() => {
    if (!blob.value) return;
    const made = URL.createObjectURL(blob.value);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [blob.value]);
  if (blob.error) return <ErrorBox error={blob.error} doing={`Loading ${name}`} />;
  return url ? <img src={url} alt={alt} loading="lazy" /> : <Wait what={name} />;
}
