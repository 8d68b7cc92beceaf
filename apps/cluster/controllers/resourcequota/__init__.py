"""The resource quota controller: counts what is used anew, for admission only ever adds."""
