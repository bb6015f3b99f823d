"""What each job does, one module an arrow of the data's way: here edges and domain meet."""
