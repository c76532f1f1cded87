"""``synthgen train``: one readable loop per objective family. torch is imported only inside these modules."""
