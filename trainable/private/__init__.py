"""Parts of torch and fairseq that are not their documented interface; used by way of here."""
