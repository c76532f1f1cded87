"""The verify stage: does the final image still show what its labels say?"""
